package ragqa;

import java.util.HashMap;
import java.util.Map;
import org.apache.lucene.index.Term;
import org.apache.lucene.search.CollectionStatistics;
import org.apache.lucene.search.IndexSearcher;
import org.apache.lucene.search.TermStatistics;

/** Searches a part of an index with the statistics of the whole, so that scores are those of the whole. */
final class Shared extends IndexSearcher {
  private final Map<String, CollectionStatistics> fields;
  private final Map<String, Long> counts = new HashMap<>();

  /**
   * @param part searches the part
   * @param fields the statistics of each field; those that no document has are missing
   * @param terms all terms of the queries
   * @param counts in how many documents of the whole each of them is
   */
  Shared(IndexSearcher part, Map<String, CollectionStatistics> fields, String[] terms, long[] counts) {
    super(part.getTopReaderContext());
    this.fields = fields;
    for (int i = 0; i < terms.length; i++) {
      this.counts.put(terms[i], counts[i]);
    }
    setSimilarity(part.getSimilarity());
    setQueryCache(null);
  }

  @Override
  public TermStatistics termStatistics(Term term, int docFreq, long totalTermFreq) {
    Long count = counts.get(term.text());
    if (count == null || count < docFreq) {
      throw new IllegalArgumentException("the whole index has " + count + " documents with a term, a part " + docFreq);
    }
    // BM25 does not use the second number, which may not be below the first.
    return new TermStatistics(term.bytes(), count, Math.max(count, totalTermFreq));
  }

  @Override
  public CollectionStatistics collectionStatistics(String field) {
    return fields.get(field);
  }
}
