"""What a job's URL stands for, by kind of origin: each module turns one kind into files."""
