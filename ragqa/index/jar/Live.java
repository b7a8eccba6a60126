package ragqa;

import java.util.stream.IntStream;
import org.apache.lucene.index.CodecReader;
import org.apache.lucene.index.FilterCodecReader;
import org.apache.lucene.index.FilterLeafReader;
import org.apache.lucene.index.LeafReader;
import org.apache.lucene.util.Bits;
import org.apache.lucene.util.FixedBitSet;

/** Readers without the documents that are dead; statistics of terms still count those. */
final class Live {
  private Live() {}

  /** The live ones of {@code n} documents from {@code base} on; null where all are. */
  static FixedBitSet documents(byte[] dead, int base, int n) {
    FixedBitSet live = null;
    for (int i = 0; i < n && (base + i) >> 3 < dead.length; i++) {
      if ((dead[(base + i) >> 3] >> ((base + i) & 7) & 1) != 0) {
        if (live == null) {
          live = new FixedBitSet(n);
          live.set(0, n);
        }
        live.clear(i);
      }
    }
    return live;
  }

  /** The numbers of the documents that are dead. */
  static int[] numbers(byte[] dead) {
    return IntStream.range(0, dead.length * 8).filter(i -> (dead[i >> 3] >> (i & 7) & 1) != 0).toArray();
  }

  static LeafReader only(LeafReader all, FixedBitSet live) {
    if (live == null) {
      return all;
    }
    int n = live.cardinality();
    return new FilterLeafReader(all) {
      @Override
      public Bits getLiveDocs() {
        return live;
      }

      @Override
      public int numDocs() {
        return n;
      }

      @Override
      public CacheHelper getCoreCacheHelper() {
        return in.getCoreCacheHelper();
      }

      @Override
      public CacheHelper getReaderCacheHelper() {
        return null;
      }
    };
  }

  static CodecReader only(CodecReader all, FixedBitSet live) {
    if (live == null) {
      return all;
    }
    int n = live.cardinality();
    return new FilterCodecReader(all) {
      @Override
      public Bits getLiveDocs() {
        return live;
      }

      @Override
      public int numDocs() {
        return n;
      }

      @Override
      public CacheHelper getCoreCacheHelper() {
        return in.getCoreCacheHelper();
      }

      @Override
      public CacheHelper getReaderCacheHelper() {
        return null;
      }
    };
  }
}
