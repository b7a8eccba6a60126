package ragqa;

import io.anserini.analysis.AnalyzerUtils;
import io.anserini.analysis.DefaultEnglishAnalyzer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.lucene.analysis.Analyzer;
import org.apache.lucene.index.DirectoryReader;
import org.apache.lucene.index.LeafReader;
import org.apache.lucene.index.LeafReaderContext;
import org.apache.lucene.index.MultiReader;
import org.apache.lucene.index.PostingsEnum;
import org.apache.lucene.index.Term;
import org.apache.lucene.index.TermStates;
import org.apache.lucene.index.Terms;
import org.apache.lucene.index.TermsEnum;
import org.apache.lucene.sandbox.search.CombinedFieldQuery;
import org.apache.lucene.search.BooleanClause.Occur;
import org.apache.lucene.search.BooleanQuery;
import org.apache.lucene.search.BoostQuery;
import org.apache.lucene.search.CollectionStatistics;
import org.apache.lucene.search.IndexSearcher;
import org.apache.lucene.search.Query;
import org.apache.lucene.search.ScoreDoc;
import org.apache.lucene.search.TermQuery;
import org.apache.lucene.search.TopScoreDocCollector;
import org.apache.lucene.search.similarities.BM25Similarity;
import org.apache.lucene.store.FSDirectory;
import org.apache.lucene.util.BytesRef;
import org.apache.lucene.util.FixedBitSet;

/**
 * Searches the indexes of several folders as if they were one, without the documents that are dead.
 *
 * <p>Statistics are those of all folders together, dead documents included. Documents are numbered through all folders
 * in their order; of equal scores the lower number comes first. All methods are static and take the searcher as their
 * first argument, because Python threads may share it; see java.py.
 */
public final class Searcher {
  private static final Analyzer ANALYZER = DefaultEnglishAnalyzer.newDefaultInstance();
  private static final int TOTALS = 4;
  private static final int MASKS = 64;
  private static final int MANY = 16;
  private static final long MASKS_BYTES = 128 << 20;
  private static final int PLACES = 100_000;

  private final List<DirectoryReader> folders = new ArrayList<>();
  private final int[] dead;
  private final IndexSearcher searcher;
  private final Map<String, Float> boosts = new LinkedHashMap<>();
  private final Map<String, FixedBitSet> masks =
      Collections.synchronizedMap(
          new LinkedHashMap<>(16, 0.75f, true) {
            @Override
            protected boolean removeEldestEntry(Map.Entry<String, FixedBitSet> eldest) {
              return size() > MASKS || size() > 8 && size() * (long) eldest.getValue().getBits().length > MASKS_BYTES / 8;
            }
          });

  /** Where the terms of queries are in each leaf: looking that up is most of what many leaves cost. */
  private final Map<Term, TermStates> places =
      Collections.synchronizedMap(
          new LinkedHashMap<>(16, 0.75f, true) {
            @Override
            protected boolean removeEldestEntry(Map.Entry<Term, TermStates> eldest) {
              return size() * searcher.getIndexReader().leaves().size() > PLACES;
            }
          });

  private Searcher(String[] paths, byte[] dead, float k1, float b) throws IOException {
    this.dead = Live.numbers(dead);
    try {
      for (String path : paths) {
        folders.add(DirectoryReader.open(FSDirectory.open(Path.of(path))));
      }
    } catch (Throwable failure) {
      closeAll();
      throw failure;
    }
    List<LeafReader> leaves = new ArrayList<>();
    int base = 0;
    for (DirectoryReader folder : folders) {
      for (LeafReaderContext leaf : folder.leaves()) {
        leaves.add(Live.only(leaf.reader(), Live.documents(dead, base, leaf.reader().maxDoc())));
        base += leaf.reader().maxDoc();
      }
    }
    searcher = new IndexSearcher(new MultiReader(leaves.toArray(new LeafReader[0]), false));
    searcher.setSimilarity(new BM25Similarity(k1, b));
    searcher.setQueryCache(null); // filters are kept here, whole
  }

  /**
   * Opens the indexes in {@code paths}. Texts that stand for lists are separated by {@link Writer#SEPARATOR}.
   *
   * @param fields names of fields, each followed by its boost
   * @param dead one bit a document, of all folders in order, lowest bit first; set where the document is dead; may end
   *     early
   */
  public static Searcher open(String paths, String fields, byte[] dead, double k1, double b) throws IOException {
    // A long text may have tens of thousands of distinct terms; Lucene refuses more than 1,024 otherwise.
    IndexSearcher.setMaxClauseCount(Integer.MAX_VALUE);
    Searcher opened = new Searcher(Writer.split(paths), dead, (float) k1, (float) b);
    String[] pairs = Writer.split(fields);
    for (int i = 0; i < pairs.length; i += 2) {
      opened.boosts.put(pairs[i], Float.parseFloat(pairs[i + 1]));
    }
    return opened;
  }

  /** How many documents each folder holds, dead ones included. */
  public static int[] sizes(Searcher self) {
    return self.folders.stream().mapToInt(DirectoryReader::maxDoc).toArray();
  }

  /**
   * The {@code k} best documents of each query: document number in the upper half, bits of the score in the lower.
   *
   * @param queries texts, separated
   * @param filter as {@link #allowed} takes it; empty allows all
   */
  public static long[][] search(Searcher self, String queries, int k, String filter) throws IOException {
    return self.found(self.searcher, queries, k, filter);
  }

  /**
   * The distinct terms of queries, separated. An index of which a part is opened is searched thus: the {@link #counts}
   * of all parts are added up and handed to {@link #searchPart} of each.
   */
  public static String terms(String queries) {
    Set<String> terms = new LinkedHashSet<>();
    for (String text : Writer.split(queries)) {
      terms.addAll(AnalyzerUtils.analyze(ANALYZER, text));
    }
    return String.join(Writer.SEPARATOR, terms);
  }

  /** In how many documents each term is, dead ones included: the numbers of all fields for each term. */
  public static long[] counts(Searcher self, String terms) throws IOException {
    String[] words = Writer.split(terms);
    long[] found = new long[words.length * self.boosts.size()];
    int place = 0;
    for (String word : words) {
      for (String field : self.boosts.keySet()) {
        found[place++] = self.searcher.getIndexReader().docFreq(new Term(field, word));
      }
    }
    return found;
  }

  /** Of each field: documents, documents with the field, and its tokens, all told and distinct ones in a document. */
  public static long[] totals(Searcher self) throws IOException {
    long[] found = new long[TOTALS * self.boosts.size()];
    int place = 0;
    for (String field : self.boosts.keySet()) {
      CollectionStatistics own = self.searcher.collectionStatistics(field);
      if (own != null) {
        found[place] = own.maxDoc();
        found[place + 1] = own.docCount();
        found[place + 2] = own.sumTotalTermFreq();
        found[place + 3] = own.sumDocFreq();
      }
      place += TOTALS;
    }
    return found;
  }

  /**
   * As {@link #search}, with the scores of the whole of which these folders are a part.
   *
   * @param totals the sums of {@link #totals} of all parts
   * @param terms the {@link #terms} of the queries
   * @param counts in how many documents of the whole each of them is, in the field in which it is in most
   */
  public static long[][] searchPart(
      Searcher self, String queries, int k, String filter, long[] totals, String terms, long[] counts)
      throws IOException {
    Map<String, CollectionStatistics> fields = new HashMap<>();
    int at = 0;
    for (String field : self.boosts.keySet()) {
      if (totals[at + 1] > 0) {
        fields.put(field, new CollectionStatistics(field, totals[at], totals[at + 1], totals[at + 2], totals[at + 3]));
      }
      at += TOTALS;
    }
    return self.found(new Shared(self.searcher, fields, Writer.split(terms), counts), queries, k, filter);
  }

  private long[][] found(IndexSearcher all, String queries, int k, String filter) throws IOException {
    FixedBitSet mask = filter.isEmpty() ? null : mask(filter);
    // Where few are allowed, they lead; where many are, the terms of the query lead, and skip what cannot rank.
    boolean many = mask != null && mask.approximateCardinality() > mask.length() / MANY;
    IndexSearcher searcher = many ? new Among(all, mask) : all;
    String[] texts = Writer.split(queries);
    long[][] found = new long[texts.length][];
    for (int i = 0; i < texts.length; i++) {
      Query query = query(texts[i]);
      if (mask != null && !many) {
        query = new BooleanQuery.Builder().add(query, Occur.MUST).add(new MaskQuery(mask), Occur.FILTER).build();
      }
      // The third argument is the number of hits that are counted exactly; beyond, Lucene skips what cannot rank.
      ScoreDoc[] hits = searcher.search(query, TopScoreDocCollector.createSharedManager(k, null, k)).scoreDocs;
      found[i] = new long[hits.length];
      for (int hit = 0; hit < hits.length; hit++) {
        long bits = Integer.toUnsignedLong(Float.floatToRawIntBits(hits[hit].score));
        found[i][hit] = (long) hits[hit].doc << 32 | bits;
      }
    }
    return found;
  }

  /**
   * Which live documents a filter allows: one bit each, lowest bit first.
   *
   * @param filter clauses, separated, that must all hold. A clause is a list of tokens after the character 31: at least
   *     one of "any" must be there, or one within the bounds of "range".
   */
  public static byte[] allowed(Searcher self, String filter) throws IOException {
    FixedBitSet mask = self.mask(filter);
    byte[] bytes = new byte[(self.searcher.getIndexReader().maxDoc() + 7) / 8];
    long[] words = mask.getBits();
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) (words[i >> 3] >>> ((i & 7) << 3));
    }
    return bytes;
  }

  /** How many live documents a filter allows. */
  public static int size(Searcher self, String filter) throws IOException {
    return self.mask(filter).cardinality();
  }

  /** Closes all files. */
  public static void close(Searcher self) throws IOException {
    self.closeAll();
  }

  private void closeAll() throws IOException {
    for (DirectoryReader folder : folders) {
      folder.close();
    }
  }

  /** The distinct terms of a text, each counted as often as it occurs there; several fields are scored as BM25F. */
  private Query query(String text) throws IOException {
    BooleanQuery.Builder terms = new BooleanQuery.Builder();
    if (boosts.size() == 1) {
      String field = boosts.keySet().iterator().next();
      Map<String, Integer> counts = new LinkedHashMap<>();
      for (String term : AnalyzerUtils.analyze(ANALYZER, text)) {
        counts.merge(term, 1, Integer::sum);
      }
      for (Map.Entry<String, Integer> word : counts.entrySet()) {
        Term term = new Term(field, word.getKey());
        terms.add(new BoostQuery(new TermQuery(term, places(term)), word.getValue()), Occur.SHOULD);
      }
      return terms.build();
    }
    for (String term : AnalyzerUtils.analyze(ANALYZER, text)) {
      CombinedFieldQuery.Builder inAllFields = new CombinedFieldQuery.Builder().addTerm(new BytesRef(term));
      boosts.forEach(inAllFields::addField);
      terms.add(inAllFields.build(), Occur.SHOULD);
    }
    return terms.build();
  }

  private TermStates places(Term term) throws IOException {
    TermStates found = places.get(term);
    if (found == null) {
      found = TermStates.build(searcher, term, true);
      places.put(term, found);
    }
    return found;
  }

  private FixedBitSet mask(String filter) throws IOException {
    FixedBitSet mask = masks.get(filter);
    if (mask == null) {
      String[] clauses = Writer.split(filter);
      if (clauses.length == 1) {
        mask = documents(clauses[0].split("\u001f"));
      } else {
        mask = mask(clauses[0]).clone();
        for (int i = 1; i < clauses.length; i++) {
          mask.and(mask(clauses[i]));
        }
      }
      masks.put(filter, mask);
    }
    return mask;
  }

  /** The live documents with at least one of the tokens of a clause. */
  private FixedBitSet documents(String[] clause) throws IOException {
    FixedBitSet found = new FixedBitSet(Math.max(1, searcher.getIndexReader().maxDoc()));
    for (LeafReaderContext leaf : searcher.getIndexReader().leaves()) {
      Terms terms = leaf.reader().terms(Writer.FILTERS);
      if (terms == null) {
        continue;
      }
      TermsEnum tokens = terms.iterator();
      PostingsEnum postings = null;
      if (clause[0].equals("range")) {
        BytesRef last = new BytesRef(clause[2]);
        boolean more = tokens.seekCeil(new BytesRef(clause[1])) != TermsEnum.SeekStatus.END;
        while (more && tokens.term().compareTo(last) <= 0) {
          postings = added(found, tokens, postings, leaf);
          more = tokens.next() != null;
        }
      } else {
        for (int i = 1; i < clause.length; i++) {
          if (tokens.seekExact(new BytesRef(clause[i]))) {
            postings = added(found, tokens, postings, leaf);
          }
        }
      }
    }
    for (int document : dead) {
      found.clear(document);
    }
    return found;
  }

  private static PostingsEnum added(FixedBitSet found, TermsEnum token, PostingsEnum reused, LeafReaderContext leaf)
      throws IOException {
    PostingsEnum postings = token.postings(reused, PostingsEnum.NONE);
    for (int i = postings.nextDoc(); i != PostingsEnum.NO_MORE_DOCS; i = postings.nextDoc()) {
      found.set(leaf.docBase + i);
    }
    return postings;
  }
}
