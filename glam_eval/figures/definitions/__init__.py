"""The figures, one file each: which rows, which statistic, which drawing, title and caption.

To change one, copy its file, edit the copy and draw it: ``glam-eval figures RESULTS --name mine.py``. A file
that is added here is a figure of the program and of the report.
"""
