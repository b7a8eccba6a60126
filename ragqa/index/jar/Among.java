package ragqa;

import java.io.IOException;
import java.util.List;
import org.apache.lucene.index.LeafReaderContext;
import org.apache.lucene.index.Term;
import org.apache.lucene.search.BulkScorer;
import org.apache.lucene.search.CollectionStatistics;
import org.apache.lucene.search.CollectionTerminatedException;
import org.apache.lucene.search.Collector;
import org.apache.lucene.search.IndexSearcher;
import org.apache.lucene.search.LeafCollector;
import org.apache.lucene.search.TermStatistics;
import org.apache.lucene.search.Weight;
import org.apache.lucene.util.Bits;
import org.apache.lucene.util.FixedBitSet;

/** Searches as another searcher does, but among the documents of a set of bits, as if the others were dead. */
final class Among extends IndexSearcher {
  private final IndexSearcher all;
  private final FixedBitSet mask;

  Among(IndexSearcher all, FixedBitSet mask) {
    super(all.getTopReaderContext());
    this.all = all;
    this.mask = mask;
    setSimilarity(all.getSimilarity());
    setQueryCache(null);
  }

  @Override
  protected void search(List<LeafReaderContext> leaves, Weight weight, Collector collector) throws IOException {
    collector.setWeight(weight);
    for (LeafReaderContext leaf : leaves) {
      try {
        LeafCollector found = collector.getLeafCollector(leaf);
        BulkScorer scorer = weight.bulkScorer(leaf);
        if (scorer != null) {
          scorer.score(found, new Within(mask, leaf.docBase, leaf.reader().maxDoc()));
        }
        found.finish();
      } catch (CollectionTerminatedException enough) {
        // The next leaf may have better ones.
      }
    }
  }

  @Override
  public TermStatistics termStatistics(Term term, int docFreq, long totalTermFreq) throws IOException {
    return all.termStatistics(term, docFreq, totalTermFreq);
  }

  @Override
  public CollectionStatistics collectionStatistics(String field) throws IOException {
    return all.collectionStatistics(field);
  }

  /** The bits of a leaf, numbered from 0. */
  private record Within(FixedBitSet bits, int begin, int length) implements Bits {
    @Override
    public boolean get(int index) {
      return bits.get(begin + index);
    }
  }
}
