"""A gate in front of a VAD model: clear silence need not be examined."""

from dataclasses import dataclass

QUIET_PROBABILITY = 0.15  # the model sees no speech
QUIET_FRAMES = 10  # 0.32 s of it before the gate closes
MARGIN_DB = 1.5  # speech as loud as the noise raises the level by 3 dB; steady noise varies by 0.3 dB
CLEAR_DB = -45.0  # a floor above this is noise, not silence: weak speech may hide in it
INAUDIBLE_DB = -70.0  # 10 units of PCM16: below what models and people hear


@dataclass
class EnergyGate:
    """Closed only while the level stays where it was when the model itself heard silence.

    The model decides what silence is: after `QUIET_FRAMES` frames without speech the gate closes and keeps their mean
    level as the floor. Any frame `MARGIN_DB` above opens it again, so noise that changes is always examined anew.
    """

    closed: bool = False
    _quiet_frames: int = 0
    _floor_db: float = 0.0

    def admits(self, level_db: float) -> bool:
        """Say whether a frame of this level, in dBFS, must be examined; opens the gate if so."""
        was_closed = self.closed
        self.closed = was_closed and level_db <= max(self._floor_db + MARGIN_DB, INAUDIBLE_DB)
        if self.closed:
            self._floor_db = min(self._floor_db, self._floor_db + 0.1 * (level_db - self._floor_db))
        elif was_closed:
            self._quiet_frames = 0
        return not self.closed

    def learn(self, level_db: float, probability: float) -> None:
        """Take the model's verdict on an examined frame."""
        if probability >= QUIET_PROBABILITY:
            self.closed, self._quiet_frames = False, 0
            return
        self._quiet_frames += 1
        self._floor_db += (level_db - self._floor_db) / self._quiet_frames
        self.closed = self._quiet_frames >= QUIET_FRAMES and self._floor_db < CLEAR_DB
