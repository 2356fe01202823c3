"""Compressed DICOM pixels of two small slices, for test/goldens/dicom_streams.json.

Run with pydicom 2.3.1 and the programs of DCMTK 3.6.7 and GDCM 3.0.21 in the path:

    python tools/goldens/dicom_streams.py > test/goldens/dicom_streams.json

Each slice has 8 columns and 6 rows. `int16`: 37 i - 91 j + (i j mod 5); `uint12`: (437 i + 91 j) mod 4096, 12 bits of 16.
"""
import base64
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import pydicom
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.encaps import generate_pixel_data_fragment, get_frame_offsets
from pydicom.filebase import DicomBytesIO
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

COLUMNS, ROWS = 8, 6
JOBS = {
    "int16": [["dcmcrle"], ["dcmcjpeg", "+e1"], ["dcmcjpeg", "+el"], ["dcmcjpls", "+el"], ["gdcmconv", "--j2k"]],
    "uint12": [["dcmcjpeg", "+e1"], ["dcmcjpls", "+el"], ["gdcmconv", "--j2k"]],
}


def write(file, values, bits):
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = FileDataset(str(file), {}, file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID, data.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
    data.Modality, data.PatientName, data.PatientID = "CT", "A", "1"
    data.StudyInstanceUID, data.SeriesInstanceUID, data.ImageType = "1.2.3", "1.2.4", ["ORIGINAL", "PRIMARY"]
    data.Rows, data.Columns, data.SamplesPerPixel, data.PhotometricInterpretation = ROWS, COLUMNS, 1, "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit = 16, bits, bits - 1
    data.PixelRepresentation = int(values.dtype == np.int16)
    data.PixelData = values.tobytes()
    data["PixelData"].VR = "OW"
    data.is_little_endian, data.is_implicit_VR = True, False
    data.save_as(str(file), write_like_original=False)


def fragments(file):
    data = pydicom.dcmread(str(file))
    stream = DicomBytesIO(data.PixelData)
    stream.is_little_endian = True
    get_frame_offsets(stream)
    return str(data.file_meta.TransferSyntaxUID), [base64.b64encode(part).decode() for part in generate_pixel_data_fragment(stream)]


def main():
    i, j = np.meshgrid(np.arange(COLUMNS), np.arange(ROWS))
    slices = {
        "int16": ((37 * i - 91 * j + (i * j) % 5).astype(np.int16), 16),
        "uint12": (((437 * i + 91 * j) % 4096).astype(np.uint16), 12),
    }
    streams = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, (values, bits) in slices.items():
            plain = pathlib.Path(folder, name)
            write(plain, values, bits)
            streams[name] = {}
            for number, command in enumerate(JOBS[name]):
                packed = pathlib.Path(folder, f"{name}-{number}")
                subprocess.run([*command, str(plain), str(packed)], check=True)
                syntax, parts = fragments(packed)
                streams[name][syntax] = parts
    json.dump({"source": "pydicom 2.3.1, DCMTK 3.6.7, GDCM 3.0.21", "columns": COLUMNS, "rows": ROWS, "streams": streams}, sys.stdout, indent=1)
    print()


main()
