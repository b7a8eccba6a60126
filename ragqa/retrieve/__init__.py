"""A question → ordered hits: search, fusion, filters, reranking."""
