"""Check the answers of a finished run against what transformers and PEFT write: see __main__."""
