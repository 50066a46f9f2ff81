"""The template-service service: samples."""
