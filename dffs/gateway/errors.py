"""Refusals as S3 clients know them: a code, a status, a sentence. Raised all over the gateway."""

from __future__ import annotations

import errno
from typing import ClassVar

from dfcore.errors import MeganeuraError

# code → (status, what is said when the raiser says nothing)
_KNOWN: dict[str, tuple[int, str]] = {
    "AccessDenied": (403, "Access denied."),
    "AuthorizationHeaderMalformed": (400, "The Authorization header is malformed."),
    "BadDigest": (400, "The checksum that was sent does not match the content."),
    "BucketAlreadyOwnedByYou": (409, "The bucket is there already."),
    "BucketNotEmpty": (409, "The bucket is not empty."),
    "EntityTooLarge": (400, "The object is larger than allowed."),
    "EntityTooSmall": (400, "A part other than the last is smaller than 5 MiB."),
    "IncompleteBody": (400, "The body ended before Content-Length bytes."),
    "InternalError": (500, "The volume failed; the gateway's log says why."),
    "InvalidAccessKeyId": (403, "The access key is not known here."),
    "InvalidArgument": (400, "An argument makes no sense."),
    "InvalidBucketName": (400, "The bucket's name is not valid."),
    "InvalidDigest": (400, "The checksum is not well-formed."),
    "InvalidPart": (400, "A part is missing or its ETag is another."),
    "InvalidPartOrder": (400, "The parts are not in ascending order."),
    "InvalidRange": (416, "The range is outside of the object."),
    "InvalidRequest": (400, "The request makes no sense."),
    "KeyTooLongError": (400, "A part of the key is longer than 255 bytes."),
    "MalformedXML": (400, "The XML is not what this request takes."),
    "MethodNotAllowed": (405, "This method is not allowed here."),
    "MissingContentLength": (411, "Content-Length is needed."),
    "NoSuchBucket": (404, "There is no such bucket."),
    "NoSuchBucketPolicy": (404, "The bucket has no policy."),
    "NoSuchCORSConfiguration": (404, "The bucket has no CORS configuration."),
    "NoSuchKey": (404, "There is no such key."),
    "NoSuchLifecycleConfiguration": (404, "The bucket has no lifecycle configuration."),
    "NoSuchPublicAccessBlockConfiguration": (404, "The bucket has no public access block."),
    "NoSuchTagSet": (404, "There are no tags."),
    "NoSuchUpload": (404, "There is no such upload, or it was completed or aborted."),
    "NoSuchVersion": (404, "There are no versions here but the present one, null."),
    "NoSuchWebsiteConfiguration": (404, "The bucket is no website."),
    "NotImplemented": (501, "This is not offered by the gateway."),
    "ObjectExistsAsDirectory": (409, "There are objects below this key."),
    "ObjectLockConfigurationNotFoundError": (404, "The bucket has no object lock."),
    "OwnershipControlsNotFoundError": (404, "The bucket has no ownership controls."),
    "PreconditionFailed": (412, "A condition of the request does not hold."),
    "QuotaExceeded": (507, "The volume or directory is full."),
    "ReplicationConfigurationNotFoundError": (404, "The bucket is not replicated."),
    "RequestTimeTooSkewed": (403, "The request's time is more than 15 minutes off."),
    "ServerSideEncryptionConfigurationNotFoundError": (404, "The bucket has no encryption rules."),
    "SignatureDoesNotMatch": (403, "The signature is not that of the secret key."),
    "SlowDown": (503, "The metadata engine or object store does not answer; try again."),
    "XAmzContentSHA256Mismatch": (400, "The content is not that of x-amz-content-sha256."),
}


class S3Error(MeganeuraError):
    """One answer that is not a success; the server makes XML of it."""

    code: ClassVar[str] = "s3"

    def __init__(self, name: str, message: str = "") -> None:
        status, usual = _KNOWN[name]
        super().__init__(message or usual)
        self.name = name
        self.http_status = status


_BY_ERRNO = {
    errno.ENOENT: "NoSuchKey",
    errno.ENOTDIR: "NoSuchKey",
    errno.EISDIR: "NoSuchKey",
    errno.EACCES: "AccessDenied",
    errno.EPERM: "AccessDenied",
    errno.EROFS: "AccessDenied",
    errno.ENOSPC: "QuotaExceeded",
    errno.EDQUOT: "QuotaExceeded",
    errno.ENAMETOOLONG: "KeyTooLongError",
    errno.ENOTEMPTY: "BucketNotEmpty",
}


def of_os_error(error: OSError) -> S3Error:
    """The refusal that an error of the volume means to an S3 client."""
    return S3Error(_BY_ERRNO.get(error.errno or 0, "InternalError"))
