"""Ways to send a digest: each says whether it arrived, surely did not, or cannot know."""
