"""What a reader sees: numbers, words and the map."""
