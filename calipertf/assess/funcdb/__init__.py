"""Function databases, in the formats of caliper-metrics."""
