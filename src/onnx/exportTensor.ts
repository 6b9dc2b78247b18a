/** Host tensors as ONNX files store them. */
import { create, type MessageShape } from '@bufbuild/protobuf';
import { TensorProtoSchema } from 'onnx-buf';
import { hostBytes } from '../graph/hostBytes.ts';
import type { HostTensor } from '../graph/hostTensor.ts';
import { dataTypeOf } from './tensor.ts';

/** A tensor with its elements as raw bytes. */
export function exportTensor(tensor: HostTensor, name: string): MessageShape<typeof TensorProtoSchema> {
  return create(TensorProtoSchema, {
    name,
    dims: tensor.shape.map(BigInt),
    dataType: dataTypeOf(tensor.elementType),
    rawData: hostBytes(tensor),
  });
}
