/** A short tone for what is told, made here: two notes, soft and of a third of a second. */

/** In a flood, one tone is enough for so long. */
const PAUSE_MS = 2_000;
const NOTES = [
  { at: 0, hertz: 660 },
  { at: 0.12, hertz: 880 },
] as const;
const LENGTH_S = 0.2;
const VOLUME = 0.12;

let context: AudioContext | undefined;
let rangAt = Number.NEGATIVE_INFINITY;

/** Plays the tone, unless it was played just now. Where a browser lets no page be heard, there is silence. */
export function ring(now = performance.now()): void {
  if (now - rangAt < PAUSE_MS) return;
  rangAt = now;
  void play().catch(() => {});
}

async function play(): Promise<void> {
  context ??= new AudioContext();
  await context.resume();
  for (const { at, hertz } of NOTES) note(context, context.currentTime + at, hertz);
}

/** One note, which swells and fades, so that nothing clicks. */
function note(audio: AudioContext, at: number, hertz: number): void {
  const [tone, loudness] = [audio.createOscillator(), audio.createGain()];
  tone.frequency.value = hertz;
  loudness.gain.setValueAtTime(0, at);
  loudness.gain.linearRampToValueAtTime(VOLUME, at + 0.02);
  loudness.gain.exponentialRampToValueAtTime(0.001, at + LENGTH_S);
  tone.connect(loudness).connect(audio.destination);
  tone.start(at);
  tone.stop(at + LENGTH_S);
}
