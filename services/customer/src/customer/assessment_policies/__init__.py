"""Assessment policies: versions of the rules by which customers get grade, class and stage."""
