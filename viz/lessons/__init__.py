"""What the app teaches: claims, exercises and the guided tour; it imports core alone."""
