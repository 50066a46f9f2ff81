"""Lead scoring policies: by which rules leads get their points, version after version."""
