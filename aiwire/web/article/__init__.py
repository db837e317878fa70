"""What only the page of an article needs: marks in its text, differences between versions, citations."""
