"""Episodes on disk: what one is, where they are kept, how they are made, shown and exchanged."""
