import type { MessageShape } from '@bufbuild/protobuf';
import { TensorProto_DataLocation as DataLocation, type GraphProtoSchema, type TensorProtoSchema } from 'onnx-buf';
import { decodeModel } from './protobuf.ts';

type GraphProto = MessageShape<typeof GraphProtoSchema>;
type TensorProto = MessageShape<typeof TensorProtoSchema>;

/**
 * The files in which a model keeps tensors, as it names them (`location`): what `ImportOptions.externalData` needs.
 *
 * The names come from the file: check that they lie where they may before reading them.
 *
 * @throws MalformedModel or LimitExceeded as `importOnnx`
 */
export function externalFiles(bytes: Uint8Array): string[] {
  const locations = new Set<string>();
  const visit = ({ dataLocation, externalData }: TensorProto): void => {
    if (dataLocation !== DataLocation.EXTERNAL) return;
    for (const { key, value } of externalData) if (key === 'location') locations.add(value);
  };
  const visitGraph = ({ initializer, node }: GraphProto): void => {
    initializer.forEach(visit);
    for (const { t, g } of node.flatMap(({ attribute }) => attribute)) {
      if (t) visit(t);
      if (g) visitGraph(g);
    }
  };
  const { graph } = decodeModel(bytes);
  if (graph) visitGraph(graph);
  return [...locations];
}
