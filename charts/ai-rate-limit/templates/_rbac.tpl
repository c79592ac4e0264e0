{{/* Binds the role of the same name to the controller's account: (dict "root" $ "name" ... "namespace" "" for all). */}}
{{- define "airl.controllerBinding" }}
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ if .namespace }}RoleBinding{{ else }}ClusterRoleBinding{{ end }}
metadata:
  name: {{ .name }}
  {{- with .namespace }}
  namespace: {{ . }}
  {{- end }}
  labels:
    {{- include "airl.labels" (dict "root" .root "component" "controller") | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ if .namespace }}Role{{ else }}ClusterRole{{ end }}
  name: {{ .name }}
subjects:
- kind: ServiceAccount
  name: {{ include "airl.serviceAccount" (dict "root" .root "component" "controller") }}
  namespace: {{ .root.Release.Namespace }}
{{- end }}
