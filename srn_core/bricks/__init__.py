"""A field made of bricks as one field: where they lie, how they are blended, and their decoders. No torch."""
