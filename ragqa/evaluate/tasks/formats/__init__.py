"""Files that other people's tools write and read: runs, submissions, gold standards and predictions."""
