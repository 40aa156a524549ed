"""What a node keeps of a volume's content: complete and partial files, blocks, memory."""
