import { expect, test } from 'vitest';
import { inLabels } from './labels';

const LABELS = { target_pvc: 'Name of the new claim', storage_class: 'Storage class', include_orphans: 'Also claims that exist only as backups' };

test.each([
  ['claim media/a exists: choose another target_pvc, or delete it', 'claim media/a exists: choose another “Name of the new claim”, or delete it'],
  ['storage class "gold" does not exist; name another in storage_class', 'storage class "gold" does not exist; name another in “Storage class”'],
  ['target_pvc is required: the name of the claim', '“Name of the new claim” is required: the name of the claim'],
  ['with include_orphans they are restored', 'with “Also claims that exist only as backups” they are restored'],
  ['say the size, such as "size": "10Gi"', 'say the size, such as 10Gi'],
  ['as_of is no time', 'as_of is no time'],
  ['deploy/target_pvc.yaml and SOTERIA_target_pvc', 'deploy/target_pvc.yaml and SOTERIA_target_pvc'],
])('%s', (message, told) => {
  expect(inLabels(message, LABELS)).toBe(told);
});
