/** Where pictures come from: a file, a drop, the clipboard, the camera. */
import { InvalidInput } from '../../src/index.ts';
import { decodePicture, pixelsOf } from '../shared/decodePicture.ts';
import { element } from '../shared/elements.ts';

/** Pictures are shrunk to this many pixels on their longer side, which is more than reading gains from. */
const longestPicture = 4096;

/** Makes a picture ready. */
export type TakePicture = () => ImageData | Promise<ImageData>;

/** Is handed a picture, and what it shows. */
type Receive = (picture: TakePicture, description: string) => void;

/** The first file among what was dropped or pasted. */
function fileOf(data: DataTransfer | null): File | undefined {
  return data?.files[0];
}

function listenForFiles(receive: Receive): void {
  const input = element('file', HTMLInputElement);
  const takeFile = (file: File | undefined): void => {
    if (file) receive(() => decodePicture(file, longestPicture), `The picture ${file.name}`);
  };
  input.addEventListener('change', () => {
    takeFile(input.files?.[0]);
    // So that the same file can be chosen again.
    input.value = '';
  });
  document.addEventListener('paste', ({ clipboardData }) => takeFile(fileOf(clipboardData)));
  const stage = element('stage', HTMLDivElement);
  document.addEventListener('dragover', (event) => {
    event.preventDefault();
    stage.classList.add('over');
  });
  document.addEventListener('dragleave', ({ relatedTarget }) => {
    if (!relatedTarget) stage.classList.remove('over');
  });
  document.addEventListener('drop', (event) => {
    event.preventDefault();
    stage.classList.remove('over');
    takeFile(fileOf(event.dataTransfer));
  });
}

/** @throws InvalidInput that says why there is no camera */
async function openCamera(): Promise<MediaStream> {
  if (!navigator.mediaDevices) {
    throw new InvalidInput('The camera works only in pages from https or localhost. Open a picture instead.');
  }
  const wanted = { video: { facingMode: 'environment', width: { ideal: 1920 } } };
  return navigator.mediaDevices.getUserMedia(wanted).catch((cause: unknown) => {
    const name = cause instanceof DOMException ? cause.name : '';
    const reason =
      name === 'NotAllowedError'
        ? 'The camera was refused. Allow it for this page in the settings of the browser, or open a picture.'
        : name === 'NotFoundError'
          ? 'There is no camera. Open a picture instead.'
          : `The camera does not work (${cause instanceof Error ? cause.message : cause}). Is another program using it?`;
    throw new InvalidInput(reason, { cause });
  });
}

function listenForCamera(receive: Receive, fail: (error: unknown) => void): void {
  const dialog = element('viewfinder', HTMLDialogElement);
  const video = element('video', HTMLVideoElement);
  const snap = element('snap', HTMLButtonElement);
  let stream: MediaStream | undefined;
  const start = async (): Promise<void> => {
    try {
      stream = await openCamera();
      video.srcObject = stream;
      dialog.showModal();
    } catch (error) {
      fail(error);
    }
  };
  element('camera', HTMLButtonElement).addEventListener('click', start);
  video.addEventListener('loadeddata', () => {
    snap.disabled = false;
  });
  snap.addEventListener('click', () => {
    const picture = pixelsOf(video, video.videoWidth, video.videoHeight, longestPicture);
    receive(() => picture, 'The picture from the camera');
    dialog.close();
  });
  element('leave', HTMLButtonElement).addEventListener('click', () => dialog.close());
  // However it was left: the camera's light goes out.
  dialog.addEventListener('close', () => {
    for (const track of stream?.getTracks() ?? []) track.stop();
    video.srcObject = null;
    snap.disabled = true;
  });
}

/**
 * Starts to listen for pictures.
 *
 * @param receive called with each
 * @param fail called with what prevents one
 */
export function listenForPictures(receive: Receive, fail: (error: unknown) => void): void {
  listenForFiles(receive);
  listenForCamera(receive, fail);
}
