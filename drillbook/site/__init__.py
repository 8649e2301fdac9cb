"""What a reader sees: marks, panels, tables, evidence, diagrams and the PDF."""
