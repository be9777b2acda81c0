"""The table behind each figure: from a study to exactly the numbers drawn.

Statistics come from ``glam_eval.statistics``; here is only which episodes and which grouping a figure asks
for. Every table function takes a study and raises ``Absent`` where it cannot answer.
"""
