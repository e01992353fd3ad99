#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
Copies of an ELF program whose .eh_frame is hostile: damage.py PROGRAM DIRECTORY. Each has a build
ID of its own but for `twin`, which has the program's.
"""
import hashlib
import os
import random
import struct
import sys

data = open(sys.argv[1], 'rb').read()


def section(name):
    shoff, = struct.unpack_from('<Q', data, 40)
    size, count, strings = struct.unpack_from('<HHH', data, 58)
    headers = [struct.unpack_from('<IIQQQQIIQQ', data, shoff + i * size) for i in range(count)]
    names = headers[strings][4]
    for i, h in enumerate(headers):
        at = names + h[0]
        if data[at:data.index(b'\0', at)].decode() == name:
            return shoff + i * size, h[3], h[4], h[5]  # header's place, vaddr, offset, size
    sys.exit('no ' + name)


header, vaddr, offset, size = section('.eh_frame')
text = section('.text')
build_id = section('.note.gnu.build-id')[2] + 16


def cie(augmentation=b'zR\0', rest=b'\x01\x78\x10\x01\x1b', program=b'\x0c\x07\x08\x90\x01'):
    body = struct.pack('<I', 0) + b'\x01' + augmentation + rest + program
    body += b'\0' * (-len(body) % 4)
    return struct.pack('<I', len(body)) + body


def fde(at, start, length, program=b'', wide=False):
    """An FDE for the CIE at 0, as it stands at `at` of the section."""
    pc = struct.pack('<qQ', start - vaddr - at - 8, length) if wide else \
        struct.pack('<iI', start - vaddr - at - 8, length & 0xffffffff)
    body = struct.pack('<I', at + 4) + pc + b'\0' + program
    body += b'\0' * (-len(body) % 4)
    return struct.pack('<I', len(body)) + body


def write(name, frame, claim=None):
    out = bytearray(data)
    frame = frame[:size].ljust(size, b'\0') if len(frame) <= size else frame
    if len(frame) > size:  # behind everything else, where nothing is loaded
        struct.pack_into('<QQ', out, header + 24, len(out), len(frame))
        out += frame
    else:
        out[offset:offset + size] = frame
    if claim is not None:
        struct.pack_into('<Q', out, header + 32, claim)
    if name != 'twin':
        out[build_id:build_id + 20] = hashlib.sha1(name.encode()).digest()
    path = os.path.join(sys.argv[2], name)
    with open(path, 'wb') as f:
        f.write(out)
    os.chmod(path, 0o755)


frame = data[offset:offset + size]
begin, length = text[1], text[3]
c = cie()
write('length-past-end', struct.pack('<I', 0x7fffffff) + frame[4:])
write('length-64-bit', struct.pack('<IQ', 0xffffffff, 1 << 63) + frame[12:])
write('length-0', b'\0\0\0\0' + frame[4:])
write('augmentation', cie(b'zRPLSBzzzzzzzzzzzz\0', b'\xff' * 20))
write('augmentation-endless', cie(b'z' + b'R' * (size - 20)))
write('code-align-0', cie(rest=b'\x00\x00\x10\x01\x1b') + frame[20:])
wide = cie(rest=b'\x01\x78\x10\x01\x14')
write('range-2-to-40', wide + fde(len(wide), begin, 1 << 40, wide=True))
write('range-wraps', c + fde(len(c), begin, 0xffffffff))
overlaps = bytearray(c)
while len(overlaps) + 64 < 3 << 20:
    overlaps += fde(len(overlaps), begin + len(overlaps) % 97, length, b'\x0e\x10\x41\x0e\x20')
write('overlaps', overlaps)
claims = cie()
write('claims-2-to-31-fdes', claims + fde(len(claims), begin, length), 1 << 36)
jump = struct.pack('<Bh', 0x2f, -3)  # DW_OP_skip to itself
write('endless-expression', c + fde(len(c), begin, length, b'\x0f\x03' + jump))
write('deep-expression', c + fde(len(c), begin, length, b'\x0f\x7f' + b'\x12' * 127))
write('remember-for-ever', c + fde(len(c), begin, length, b'\x0a' * (size - 100)))
rows = bytearray(c)
while len(rows) + 70000 < 16 << 20:
    rows += fde(len(rows), begin, length, b'\x41\x0e\x10\x41\x0e\x18' * 10000)
write('many-rows', rows)
rules = c + fde(len(c), begin, length, b''.join(
    b'\x41\x0e' + bytes([0x80 | i & 127, 0x80 | i >> 7 & 127, i >> 14]) for i in range(1 << 18)))
write('many-rules', rules)
write('twin', struct.pack('<I', 0x7fffffff) + rows[4:])
random.seed(4)
for i in range(8):
    noise = bytearray(frame)
    for _ in range(len(noise) // 8 + 1):
        noise[random.randrange(len(noise))] = random.randrange(256)
    write('noise-%d' % i, bytes(noise))
