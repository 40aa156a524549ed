"""WebDAV in front of a volume, through wsgidav: what file managers and davfs2 mount."""
