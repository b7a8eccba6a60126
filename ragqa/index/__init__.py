"""A corpus → a searchable index on disk: BM25 (Lucene, rank-bm25) and dense (encoder, FAISS)."""
