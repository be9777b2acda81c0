"""Building blocks of tables that several figures share; a figure's own table is in its definition.

Statistics come from ``glam_eval.statistics``; here is only which episodes and which grouping figures ask for.
"""
