"""Are these pictures true? Tests of the projections, beside a random twin and edges."""
