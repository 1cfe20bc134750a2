"""Tables of a report: scores with intervals, paired comparisons, costs."""
