"""Units of work: what is read and written, one file for each subject, in SQL that every engine understands."""
