"""What stages hand each other and how: records, files, parameters, errors, the chat format."""
