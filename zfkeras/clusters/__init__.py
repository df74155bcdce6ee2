"""Work on a split that many machines share, as Apache Beam pipelines."""
