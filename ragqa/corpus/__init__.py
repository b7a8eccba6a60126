"""Sources → documents → Parquet parts → :class:`ragqa.corpus.store.DocumentStore`."""
