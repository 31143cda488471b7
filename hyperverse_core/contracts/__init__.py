"""The contracts that plugins implement: abstract classes and their records. Imports only universe and errors."""
