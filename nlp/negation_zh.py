"""Whether a Chinese sentence denies a term: 没有自建数据中心, 本地部署尚不支持. Pure."""

from __future__ import annotations

import re

__all__ = ["is_negated"]

_REACH = 12  # characters before and after a term that are looked at
# what begins like a negation but denies nothing: 不仅 (not only), 未来 (the future), 不断 (steadily) ...
_BEFORE = re.compile(
    r"(?:没有|没能|并没|从未|未能|尚未|并未|仍未|还未|未曾|未(?![来必经免])|无需|无须|无法|无意|无(?=[\u3400-\u9fff])(?![论疑数不比人限线缝])|"
    r"并非(?![只仅])|而非|绝非|(?<!除)非(?=[\u3400-\u9fff])(?![常凡洲])|"
    r"(?<![从得无])不(?![仅只但光单止断少同错久过管论可足久乏得妨久])|不可能|不得(?![不已])|否认|拒绝|取消|放弃|排除|避免|摆脱|禁止|停止|缺乏|缺少)"
    r"[^，。；！？、：,;:!?\n]{0,6}\Z"
)
_AFTER = re.compile(
    r"[^，。；！？、：,;:!?\n]{0,4}(?:尚未|暂未|并未|仍未|未获|未能|均未|暂不|尚不|还不|并不|也不|均不|不受|不被|不再)"
    r"(?:支持|提供|开放|可用|适用|需要|推出|上线|考虑|存在|实现|允许)"
)
_NOT_JUST = re.compile(r"不(?:仅|只|但|光|单)|并非[只仅]")


def is_negated(sentence: str, start: int, end: int) -> bool:
    """Return whether `sentence`, in simplified characters, denies what stands at sentence[start:end]."""
    before = sentence[max(0, start - _REACH) : start]
    if _BEFORE.search(before) and not _NOT_JUST.search(before):
        return True
    return _AFTER.match(sentence, end, end + _REACH + 4) is not None
