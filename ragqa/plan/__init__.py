"""What a corpus of some size needs: memory, disk, hours and latency, before anything is started."""
