"""What is evaluated: tasks read from their official files into one shape, so that a run treats them all alike."""
