package ragqa;

import org.apache.lucene.index.LeafReaderContext;
import org.apache.lucene.search.ConstantScoreScorer;
import org.apache.lucene.search.ConstantScoreWeight;
import org.apache.lucene.search.DocIdSetIterator;
import org.apache.lucene.search.IndexSearcher;
import org.apache.lucene.search.Query;
import org.apache.lucene.search.QueryVisitor;
import org.apache.lucene.search.ScoreMode;
import org.apache.lucene.search.Scorer;
import org.apache.lucene.search.Weight;
import org.apache.lucene.util.FixedBitSet;

/** Finds the documents of a set of bits that numbers them through all leaves. */
final class MaskQuery extends Query {
  private final FixedBitSet mask;

  MaskQuery(FixedBitSet mask) {
    this.mask = mask;
  }

  @Override
  public Weight createWeight(IndexSearcher searcher, ScoreMode mode, float boost) {
    return new ConstantScoreWeight(this, boost) {
      @Override
      public Scorer scorer(LeafReaderContext leaf) {
        int end = leaf.docBase + leaf.reader().maxDoc();
        int first = leaf.docBase < end ? mask.nextSetBit(leaf.docBase) : DocIdSetIterator.NO_MORE_DOCS;
        return first >= end ? null : new ConstantScoreScorer(this, score(), mode, new Within(mask, leaf.docBase, end));
      }

      @Override
      public boolean isCacheable(LeafReaderContext leaf) {
        return false;
      }
    };
  }

  @Override
  public void visit(QueryVisitor visitor) {
    visitor.visitLeaf(this);
  }

  @Override
  public String toString(String field) {
    return "mask";
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof MaskQuery query && query.mask == mask;
  }

  @Override
  public int hashCode() {
    return System.identityHashCode(mask);
  }

  /** The bits from begin to end, numbered from 0. */
  private static final class Within extends DocIdSetIterator {
    private final FixedBitSet bits;
    private final int begin;
    private final int end;
    private final long cost;
    private int document = -1;

    Within(FixedBitSet bits, int begin, int end) {
      this.bits = bits;
      this.begin = begin;
      this.end = end;
      this.cost = (long) bits.approximateCardinality() * (end - begin) / bits.length();
    }

    @Override
    public int docID() {
      return document;
    }

    @Override
    public int nextDoc() {
      return advance(document + 1);
    }

    @Override
    public int advance(int target) {
      // Written without a sum that could overflow where the target is NO_MORE_DOCS.
      int found = target >= end - begin ? NO_MORE_DOCS : bits.nextSetBit(begin + target);
      document = found >= end ? NO_MORE_DOCS : found - begin;
      return document;
    }

    @Override
    public long cost() {
      return cost;
    }
  }
}
