{{/* What Pods have in common. Each takes (dict "root" $ "component" "controller"). */}}

{{/* Pods are rolled when what the chart itself generates changes; the key ring is followed without that. */}}
{{- define "airl.podMetadata" -}}
{{- $values := index .root.Values .component -}}
{{- $annotations := deepCopy $values.podAnnotations -}}
{{- if .root.Values.trialRedis.enabled -}}
{{- $_ := set $annotations "checksum/redis" (include "airl.trialRedisConfig" .root | sha256sum) -}}
{{- end -}}
{{- with $annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
labels:
  {{- $own := include "airl.labels" . | fromYaml }}
  {{- toYaml (mergeOverwrite (deepCopy $values.podLabels) $own) | nindent 2 }}
{{- end -}}

{{/* Where a Pod runs and as whom. */}}
{{- define "airl.podPlacement" -}}
{{- $values := index .root.Values .component -}}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.podSecurityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Rules without a selector are about the Pods of this Deployment, each of its revisions for itself. */}}
{{- define "airl.podSpread" -}}
{{- $values := index .root.Values .component -}}
{{- with $values.hostAliases }}
hostAliases:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.topologySpreadConstraints }}
topologySpreadConstraints:
{{- range . }}
  {{- $own := dict -}}
  {{- if not .labelSelector -}}
  {{- $own = dict "labelSelector" (dict "matchLabels" (include "airl.selector" $ | fromYaml)) "matchLabelKeys" (list "pod-template-hash") -}}
  {{- end }}
- {{ toYaml (merge $own .) | nindent 2 | trim }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Image and rights of a container of the product. */}}
{{- define "airl.container" -}}
image: {{ include "airl.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- with .Values.containerSecurityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Settings that both programs have. */}}
{{- define "airl.sharedEnv" -}}
{{- include "airl.redisEnv" . }}
- name: AIRL_KEYRING_FILE
  value: /etc/ai-rate-limit/keyring/keyring
- name: AIRL_KEY_PREFIX
  value: {{ .root.Values.keyPrefix | quote }}
- name: AIRL_SYSTEM_NAMESPACE
  value: {{ include "airl.systemNamespace" .root }}
{{- with .root.Values.namespaces }}
- name: AIRL_NAMESPACES
  value: {{ join "," . | quote }}
{{- end }}
- name: AIRL_LOG_LEVEL
  value: {{ (index .root.Values .component).logLevel | default .root.Values.logLevel }}
- name: AIRL_POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: AIRL_POD_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
{{- end -}}

{{- define "airl.sharedMounts" -}}
- name: keyring
  mountPath: /etc/ai-rate-limit/keyring
  readOnly: true
{{- include "airl.redisMounts" . }}
{{- end -}}

{{- define "airl.sharedVolumes" -}}
- name: keyring
  secret:
    secretName: {{ include "airl.keyringSecret" .root }}
    items:
    - key: {{ .root.Values.keyring.key }}
      path: keyring
{{- include "airl.redisVolumes" . }}
{{- end -}}

{{- define "airl.probes" -}}
livenessProbe:
  httpGet:
    path: /livez
    port: admin
  {{- toYaml .livenessProbe | nindent 2 }}
readinessProbe:
  httpGet:
    path: /readyz
    port: admin
  {{- toYaml .readinessProbe | nindent 2 }}
{{- end -}}

{{/* One of both: the API server refuses a budget with two. */}}
{{- define "airl.podDisruptionBudget" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ include "airl.fullname" .root }}-{{ .component }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "airl.labels" . | nindent 4 }}
spec:
  {{- $budget := (index .root.Values .component).podDisruptionBudget }}
  {{- if kindIs "invalid" $budget.minAvailable }}
  maxUnavailable: {{ $budget.maxUnavailable }}
  {{- else }}
  minAvailable: {{ $budget.minAvailable }}
  {{- end }}
  selector:
    matchLabels:
      {{- include "airl.selector" . | nindent 6 }}
{{- end -}}

{{- define "airl.account" -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ include "airl.serviceAccount" . }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "airl.labels" . | nindent 4 }}
  {{- with (index .root.Values .component).serviceAccount.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
automountServiceAccountToken: false
{{- end -}}
