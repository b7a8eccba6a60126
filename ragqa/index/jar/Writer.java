package ragqa;

import io.anserini.analysis.DefaultEnglishAnalyzer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.lucene.analysis.core.WhitespaceAnalyzer;
import org.apache.lucene.analysis.miscellaneous.PerFieldAnalyzerWrapper;
import org.apache.lucene.document.Document;
import org.apache.lucene.document.Field;
import org.apache.lucene.document.FieldType;
import org.apache.lucene.index.CodecReader;
import org.apache.lucene.index.DirectoryReader;
import org.apache.lucene.index.IndexOptions;
import org.apache.lucene.index.IndexWriter;
import org.apache.lucene.index.IndexWriterConfig;
import org.apache.lucene.index.LeafReaderContext;
import org.apache.lucene.index.LogDocMergePolicy;
import org.apache.lucene.store.FSDirectory;

/**
 * Writes an index of postings with frequencies (no positions), lengths, and filter tokens; no text.
 *
 * <p>Documents keep the order in which they are added. All methods are static; see {@link Searcher}.
 */
public final class Writer {
  /** Stands between the values handed over in one text; white space to every analyzer, so that a text loses nothing. */
  static final String SEPARATOR = "\u001e";

  static final String FILTERS = "filters";

  private final IndexWriter writer;
  private final Document document = new Document();
  private final List<Field> fields = new ArrayList<>();

  private Writer(String folder, String[] names, int nAtOnce) throws IOException {
    for (String name : names) {
      fields.add(field(name, IndexOptions.DOCS_AND_FREQS, false));
    }
    fields.add(field(FILTERS, IndexOptions.DOCS, true));
    fields.forEach(document::add);
    writer = open(folder, nAtOnce);
  }

  /** Starts an index in a folder with the fields named, separated; {@code nAtOnce} writers share the memory. */
  public static Writer create(String folder, String fields, int nAtOnce) throws IOException {
    return new Writer(folder, split(fields), nAtOnce);
  }

  /** Adds documents: for each the texts of the fields in order and the filter tokens, all separated. */
  public static void add(Writer self, String values) throws IOException {
    String[] texts = split(values);
    for (int i = 0; i < texts.length; i += self.fields.size()) {
      for (int j = 0; j < self.fields.size(); j++) {
        self.fields.get(j).setStringValue(texts[i + j]);
      }
      self.writer.addDocument(self.document);
    }
  }

  /** Commits and closes; how many documents there are. */
  public static int close(Writer self) throws IOException {
    int n = self.writer.getDocStats().numDocs;
    self.writer.close();
    return n;
  }

  /** Drops what was written. */
  public static void abandon(Writer self) throws IOException {
    self.writer.rollback();
  }

  /**
   * Puts indexes together, in order and without the dead documents.
   *
   * @param dead as in {@link Searcher#open}
   * @param segments how many of Lucene's segments the result may have
   * @return how many documents there are
   */
  public static int merge(String sources, byte[] dead, String target, int segments) throws IOException {
    List<DirectoryReader> readers = new ArrayList<>();
    try (IndexWriter merged = open(target, 1)) {
      List<CodecReader> leaves = new ArrayList<>();
      int base = 0;
      for (String source : split(sources)) {
        readers.add(DirectoryReader.open(FSDirectory.open(Path.of(source))));
        for (LeafReaderContext leaf : readers.get(readers.size() - 1).leaves()) {
          CodecReader reader = (CodecReader) leaf.reader();
          leaves.add(Live.only(reader, Live.documents(dead, base, reader.maxDoc())));
          base += reader.maxDoc();
        }
      }
      // Neighbours together, about equally many documents in each.
      int begin = 0;
      for (int part = 1; part <= segments; part++) {
        long bound = (long) base * part / segments;
        int end = begin;
        long seen = leaves.subList(0, begin).stream().mapToLong(CodecReader::maxDoc).sum();
        while (end < leaves.size() && (part == segments || seen < bound)) {
          seen += leaves.get(end++).maxDoc();
        }
        if (end > begin) {
          merged.addIndexes(leaves.subList(begin, end).toArray(new CodecReader[0]));
        }
        begin = end;
      }
      return merged.getDocStats().numDocs;
    } finally {
      for (DirectoryReader reader : readers) {
        reader.close();
      }
    }
  }

  static String[] split(String values) {
    return values.split(SEPARATOR, -1);
  }

  private static IndexWriter open(String folder, int nAtOnce) throws IOException {
    var analyzer =
        new PerFieldAnalyzerWrapper(
            DefaultEnglishAnalyzer.newDefaultInstance(), Map.of(FILTERS, new WhitespaceAnalyzer(4096)));
    double buffer = Math.min(512, Runtime.getRuntime().maxMemory() / 1048576.0 / 4 / nAtOnce);
    IndexWriterConfig config =
        new IndexWriterConfig(analyzer)
            .setRAMBufferSizeMB(buffer)
            .setUseCompoundFile(false)
            .setOpenMode(IndexWriterConfig.OpenMode.CREATE)
            // This policy merges neighbours only, so that documents keep their order.
            .setMergePolicy(new LogDocMergePolicy());
    return new IndexWriter(FSDirectory.open(Path.of(folder)), config);
  }

  private static Field field(String name, IndexOptions options, boolean omitNorms) {
    FieldType type = new FieldType();
    type.setIndexOptions(options);
    type.setTokenized(true);
    type.setOmitNorms(omitNorms);
    type.freeze();
    return new Field(name, "", type);
  }
}
