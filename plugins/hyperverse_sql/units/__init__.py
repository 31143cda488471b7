"""Units of work: reads and writes, one file for each subject, in SQL that every engine understands."""
