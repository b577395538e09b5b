"""Text to unit vectors. Knows nothing of transcripts; imports nothing of ours. One file per runtime."""

import sys

# openvino reports its every import to Google Analytics, unless this module of its is not to be had.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
