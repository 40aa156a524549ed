"""S3 in front of a volume: what boto3, aws-cli and rclone use to upload and read models.

`server` builds the aiohttp application, `sigv4` decides who asks, `objects`, `listing` and `multipart`
do the work on a :class:`dffs.tree.Tree` in threads. An object is a file of the volume: what is uploaded
here is at once a file of every mount.
"""
