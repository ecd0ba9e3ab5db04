"""Compressing a volume brick by brick: in little memory, or by several processes that each have a part of it."""
