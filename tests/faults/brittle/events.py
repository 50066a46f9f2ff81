"""The brittle consumer says nothing."""
