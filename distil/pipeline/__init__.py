"""What all stages share: records, files, parameters, errors, the chat format."""
